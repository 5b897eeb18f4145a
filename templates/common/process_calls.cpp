{%- for p in network.processes %}
{%- for a in p.outputs %}
{%- let s = network.streams[a.stream] %}
{%- if !s.port %}
{%- if project.is_catapult() %}
    static nnet::stream<{{ s.word }}> {{ s.name }}; // {{ s.depth }} words
{%- else %}
    nnet::stream<{{ s.word }}> {{ s.name }}("{{ s.name }}");
#ifdef __SYNTHESIS__
    #pragma HLS STREAM variable={{ s.name }} depth={{ s.depth }}
#endif
{%- endif %}
{%- endif %}
{%- endfor %}
    {{ p.function }}({{ p.args(network.streams)|join(", ") }});
{%- for a in p.outputs %}
{%- let s = network.streams[a.stream] %}
{%- for t in project.traces_of(s) %}
#ifdef QK_TRACE
    nnet::trace_stream<{{ s.word }}>("{{ t.literal() }}", {{ s.name }}, {{ s.words }});
#endif
{%- endfor %}
{%- endfor %}
{% endfor -%}
