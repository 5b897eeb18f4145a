{%- if !project.traces.is_empty() %}
#ifdef QK_TRACE
{%- for t in project.traces %}
    nnet::trace("{{ t.literal() }}", {{ t.array }}, {{ t.elements }});
{%- endfor %}
#endif
{%- endif %}
