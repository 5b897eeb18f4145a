
struct config{{ k.index }} {
    static const unsigned positions = {{ c.positions }};
    static const unsigned period = {{ c.period }};
{%- if c.format.varies %}
    template <class X> static {{ c.result }} convert(const X &x, unsigned c) {
        switch ({{ c.format.value }}) {
{%- for target in c.targets %}
        {% if loop.last %}default{% else %}case {{ loop.index0 }}{% endif %}:
            return nnet::held<{{ c.result }}>(nnet::quantize<{{ target }}>(x));
{%- endfor %}
        }
    }
{%- else %}
    template <class X> static {{ c.result }} convert(const X &x, unsigned) {
        return nnet::held<{{ c.result }}>(nnet::quantize<{{ c.targets[0] }}>(x));
    }
{%- endif %}
};
