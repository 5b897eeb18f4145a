# Out-of-context logic synthesis of the generated Verilog: vivado -mode batch -source vivado_synth.tcl
set tcldir [file dirname [info script]]
source [file join $tcldir project.tcl]

add_files ${project_name}_prj/solution1/syn/verilog
synth_design -mode out_of_context -top ${project_name} -part $part
opt_design -retarget -propconst -sweep -bram_power_opt -shift_register_opt
report_utilization -file vivado_synth.rpt
report_timing_summary -file vivado_synth_timing.rpt
