# Steps that build_prj.tcl runs. `vitis-run` cannot pass arguments, so they are chosen here;
# arguments of `vitis_hls -f build_prj.tcl "synth=1 ..."` win.
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
