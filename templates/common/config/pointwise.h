
struct config{{ k.index }} {
{%- include "common/config/period.h" %}
};
