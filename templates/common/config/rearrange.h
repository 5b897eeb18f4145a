
struct config{{ k.index }} {
    static const unsigned inputs = {{ c.inputs }};
    static const unsigned outputs = {{ c.outputs }};
    static const int axes = {{ c.axes }};
    static const int origin = {{ c.origin }};
{%- for (name, value, varies) in c.functions %}
    static int {{ name }}(int{% if varies %} a{% endif %}) { return {{ value }}; }
{%- endfor %}
};
