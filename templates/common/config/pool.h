
struct config{{ k.index }} {
{%- let axes = c.axes %}
{%- include "common/config/axes.h" %}
    static const int ii = {{ c.choice.ii() }};
    static const int parallelization_factor = {{ c.choice.parallelization_factor }};
    static const unsigned channels = {{ c.channels }};
    typedef {{ c.kind }} kind;
    typedef {{ c.accum }} accum_t;
};
