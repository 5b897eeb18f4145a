
struct config{{ k.index }} {
{%- let axes = c.axes %}
{%- include "common/config/axes.h" %}
    static const int ii = {{ c.choice.ii() }};
    static const int parallelization_factor = {{ c.choice.parallelization_factor }};
{%- let s = c.sums %}
{%- include "common/config/sums.h" %}
};
