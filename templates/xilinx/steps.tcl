# Runs a step and reports how long it took.
proc run_step {name body} {
    puts "***** $name *****"
    set start [clock seconds]
    uplevel 1 $body
    set taken [expr {[clock seconds] - $start}]
    puts "***** $name COMPLETED IN [expr {$taken / 3600}]h[expr {$taken / 60 % 60}]m[expr {$taken % 60}]s *****"
}

# Whether two files have the same bytes.
proc same_content {first second} {
    if {![file exists $first] || ![file exists $second]} {
        return 0
    }
    set a [open $first r]
    set b [open $second r]
    set equal [string equal [read $a] [read $b]]
    close $a
    close $b
    return $equal
}

file mkdir tb_data

if {$opt(reset)} {
    open_project -reset ${project_name}_prj
} else {
    open_project ${project_name}_prj
}
set_top ${project_name}
add_files firmware/${project_name}.cpp -cflags "-std=c++0x"
add_files -tb ${project_name}_test.cpp -cflags "-std=c++0x"
add_files -tb firmware/weights
add_files -tb tb_data
if {$opt(reset)} {
    open_solution -reset "solution1"
} else {
    open_solution "solution1"
}
catch {config_array_partition -maximum_size $maximum_size}
config_compile -name_max_length 80
set_part $part
config_schedule -enable_dsp_full_reg=false
create_clock -period $clock_period -name default
set_clock_uncertainty $clock_uncertainty default

# The test bench compares integer codes itself: its exit status decides.
if {$opt(csim)} {
    run_step "C SIMULATION" { csim_design }
}
if {$opt(synth)} {
    run_step "C/RTL SYNTHESIS" { csynth_design }
}
if {$opt(cosim)} {
    run_step "C/RTL CO-SIMULATION" {
        add_files -tb ${project_name}_test.cpp -cflags "-std=c++0x -DRTL_SIM"
        cosim_design -trace_level all -setup
        set here [pwd]
        cd ${project_name}_prj/solution1/sim/verilog/
        source run_sim.tcl
        cd $here
    }
}
if {$opt(validation)} {
    run_step "C/RTL VALIDATION" {
        set csim_log tb_data/csim_results.log
        set cosim_log tb_data/rtl_cosim_results.log
        if {![same_content $csim_log $cosim_log]} {
            puts "ERROR: $csim_log and $cosim_log differ"
            exit 1
        }
        puts "INFO: C simulation and RTL simulation agree"
    }
}
if {$opt(export)} {
    run_step "EXPORT IP" { export_design -format ip_catalog -version $version }
}
if {$opt(vsynth)} {
    run_step "VIVADO SYNTHESIS" {
        if {![file exists ${project_name}_prj/solution1/syn/verilog]} {
            puts "ERROR: no Verilog found; run with synth=1 first"
            exit 1
        }
        exec vivado -mode batch -source [file join $tcldir vivado_synth.tcl] >@ stdout
    }
}

exit
