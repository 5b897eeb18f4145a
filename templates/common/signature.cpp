// hls-fpga-machine-learning insert header
void {{ project.top() }}({% for p in project.inputs %}
    {{ p.type_name }} {{ p.array }}[{{ p.elements }}],{% endfor %}{% for p in project.outputs %}
    {{ p.type_name }} {{ p.array }}[{{ p.elements }}]{% if !loop.last %},{% endif %}{% endfor %})
