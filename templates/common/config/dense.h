
struct config{{ k.index }} {
    static const unsigned positions = {{ c.positions }};
{%- let s = c.sums %}
{%- include "common/config/sums.h" %}
};
