
    static const unsigned positions = {{ c.positions }};
    static const unsigned period = {{ c.period }};
{%- for (name, spelled) in c.types %}
    typedef {{ spelled }} {{ name }};
{%- endfor %}
{%- for f in c.functions %}{% include "common/config/per_channel.h" %}{% endfor %}
