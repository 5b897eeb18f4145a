
    static const unsigned batch = {{ axes.batch }};
    // inputs, outputs, taps, stride, dilation, spread, padding before
    typedef {{ axes.windows[0] }} planes;
    typedef {{ axes.windows[1] }} rows;
    typedef {{ axes.windows[2] }} columns;
