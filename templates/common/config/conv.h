
struct config{{ k.index }} {
{%- let axes = c.axes %}
{%- include "common/config/axes.h" %}
{%- let s = c.sums %}
{%- include "common/config/sums.h" %}
};
