// hls-fpga-machine-learning insert header
void {{ project.top() }}(
{%- if project.is_stream() %}
{%- for p in project.inputs %}
    nnet::stream<{{ p.word() }}> &{{ p.array }},{% endfor %}{% for p in project.outputs %}
    nnet::stream<{{ p.word() }}> &{{ p.array }}{% if !loop.last %},{% endif %}{% endfor %})
{%- else %}
{%- for p in project.inputs %}
    {{ p.type_name }} {{ p.array }}[{{ p.elements }}],{% endfor %}{% for p in project.outputs %}
    {{ p.type_name }} {{ p.array }}[{{ p.elements }}]{% if !loop.last %},{% endif %}{% endfor %})
{%- endif %}
