# Builds {{ project.name }} with Vivado HLS:
#   vivado_hls -f build_prj.tcl "reset=1 csim=1 synth=1 cosim=0 validation=0 export=0 vsynth=0"
array set opt {
    reset      0
    csim       1
    synth      1
    cosim      1
    validation 1
    export     0
    vsynth     0
    fifo_opt   0
}

set tcldir [file dirname [info script]]
cd [file normalize $tcldir]
source project.tcl

if {[info exists ::argv]} {
    foreach words $::argv {
        foreach word $words {
            if {[regexp {^(\w+)=(\d+)$} $word -> name value] && [info exists opt($name)]} {
                set opt($name) $value
            }
        }
    }
}

{% include "xilinx/steps.tcl" %}
