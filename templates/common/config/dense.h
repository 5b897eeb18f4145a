
struct config{{ k.index }} {
    static const unsigned positions = {{ c.positions }};
{%- for rounds in c.rounds %}
    static const unsigned reuse_factor = {{ rounds }};
{%- endfor %}
{%- let s = c.sums %}
{%- include "common/config/sums.h" %}
};
