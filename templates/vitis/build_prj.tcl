# Builds {{ project.name }} with Vitis HLS:
#   vitis_hls -f build_prj.tcl "reset=1 csim=1 synth=1 cosim=0"     up to 2024.1
#   vitis-run --mode hls --tcl build_prj.tcl                        steps from build_opt.tcl
set tcldir [file dirname [info script]]
cd [file normalize $tcldir]
source project.tcl
source build_opt.tcl

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
