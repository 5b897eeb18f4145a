# Builds {{ project.name }} with Catapult:
#   catapult -product ultra -shell -f build_prj.tcl -eval 'set ::argv "csim=1 synth=1"'
array set opt {
    reset      0
    csim       0
    synth      1
    cosim      0
    validation 0
    vhdl       1
    verilog    1
    export     0
    vsynth     0
    bitfile    0
    fifo_opt   0
    ran_frame  2
    sw_opt     0
    power      0
    da         0
    bup        0
}

set sfd [file normalize [file dirname [info script]]]

if {[info exists ::argv]} {
    foreach words $::argv {
        foreach word $words {
            if {[regexp {^(\w+)=(\d+)$} $word -> name value] && [info exists opt($name)]} {
                set opt($name) $value
            }
        }
    }
}

# Runs a step and reports how long it took.
proc run_step {name body} {
    puts "***** $name *****"
    set start [clock seconds]
    uplevel 1 $body
    set taken [expr {[clock seconds] - $start}]
    puts "***** $name COMPLETED IN [expr {$taken / 3600}]h[expr {$taken / 60 % 60}]m[expr {$taken % 60}]s *****"
}

options defaults
options set Input/CppStandard c++11
options set Input/TargetPlatform x86_64
if {$opt(reset)} {
    project load -name {{ project.name }}_prj
    go new
} else {
    project new -name {{ project.name }}_prj
}

flow package require /SCVerify
flow package option set /SCVerify/INVOKE_ARGS "$sfd/firmware/weights $sfd/tb_data/tb_input_features.dat $sfd/tb_data/tb_output_predictions.dat"
solution options set Output/OutputVHDL $opt(vhdl)
solution options set Output/OutputVerilog $opt(verilog)
solution options set Architectural/DefaultLoopMerging false
solution options set Architectural/DefaultRegisterThreshold 4096

solution file add $sfd/firmware/{{ project.name }}.cpp
solution file add $sfd/{{ project.name }}_test.cpp -exclude true

run_step "C COMPILE" {
    go analyze
    directive set -DESIGN_HIERARCHY {{ project.name }}
    go compile
}
if {$opt(csim)} {
    run_step "C SIMULATION" {
        flow run /SCVerify/launch_make ./scverify/Verify_orig_cxx_osci.mk {} SIMTOOL=osci sim
    }
}
if {$opt(synth)} {
    run_step "SYNTHESIS" {
        solution library remove *
{%- match project.asic_library %}
{%- when Some with (library) %}
        # Standard cells, and memories as Catapult ships them for trials; put your memory compiler's here.
        solution library add {{ library }} -- -rtlsyntool DesignCompiler
        solution library add ccs_sample_mem
        solution library add ccs_sample_rom
        solution library add ccs_fifo
{%- when None %}
        solution library add mgc_Xilinx-{{ self.family() }}{{ self.speed() }}_beh -- -rtlsyntool Vivado -manufacturer Xilinx -family {{ self.family() }} -speed {{ self.speed() }} -part {{ project.part }}
        solution library add Xilinx_RAMS
        solution library add Xilinx_ROMS
        solution library add Xilinx_FIFO
{%- endmatch %}
        go libraries
        directive set -CLOCKS {clk {-CLOCK_PERIOD {{ project.clock_period }} -CLOCK_EDGE rising -CLOCK_UNCERTAINTY {{ project.uncertainty_ns() }} -RESET_SYNC_NAME rst -RESET_SYNC_ACTIVE high}}
        go assembly
{%- for n in project.network %}{% for s in n.streams %}{% if !s.port %}
        directive set /{{ project.name }}/{{ s.name }}:cns -FIFO_DEPTH {{ s.depth }}
{%- endif %}{% endfor %}{% endfor %}
{%- for (function, dsp) in project.multipliers() %}
        directive set /{{ project.name }}/{{ function }} -DSP_EXTRACTION {% if dsp %}yes{% else %}no{% endif %}
{%- endfor %}
        go architect
        go allocate
        go schedule
        go extract
    }
}
if {$opt(cosim)} {
    run_step "RTL CO-SIMULATION" {
        if {$opt(verilog)} {
            flow run /SCVerify/launch_make ./scverify/Verify_rtl_v_msim.mk {} SIMTOOL=msim sim
        }
        if {$opt(vhdl)} {
            flow run /SCVerify/launch_make ./scverify/Verify_rtl_vhdl_msim.mk {} SIMTOOL=msim sim
        }
    }
}
if {$opt(vsynth)} {
    run_step "LOGIC SYNTHESIS" {
{%- if project.asic_library.is_some() %}
        flow run /DesignCompiler/dc_shell -shell ./concat_rtl.v.dc
{%- else %}
        flow run /Vivado/synthesize -shell vivado_concat_v/concat_rtl.v.xv
{%- endif %}
    }
}
project save
