
struct config{{ k.index }} {
{%- let axes = c.axes %}
{%- include "common/config/axes.h" %}
    static const unsigned channels = {{ c.channels }};
    typedef {{ c.kind }} kind;
    typedef {{ c.accum }} accum_t;
};
