
struct config{{ k.index }} {
{%- let c = t.base %}
{%- include "common/config/period.h" %}
    static const unsigned rows = {{ t.rows }};
    static const unsigned steps = {{ t.steps }};
};
