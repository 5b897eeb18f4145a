#include "{{ project.name }}.h"

#include "nnet_utils/trace.h"
#include "parameters.h"

// hls-fpga-machine-learning insert namespace-start
namespace {{ project.name }} {
{%- include "common/cells.cpp" %}
{% for layer in project.layers %}
// {{ layer.title }}
#ifdef __SYNTHESIS__
{%- if layer.loops %}
#pragma hls_design block
{%- else %}
#pragma hls_design block
#pragma hls_pipeline_init_interval {{ layer.ii }}
{%- endif %}
#endif
static void {{ layer.function }}({% for a in layer.inputs %}const {{ a.type_name }} {{ a.name }}[{{ a.elements }}], {% endfor %}{% for a in layer.outputs %}{{ a.type_name }} {{ a.name }}[{{ a.elements }}]{% if !loop.last %}, {% endif %}{% endfor %}) {
{%- for a in layer.locals %}
    {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
{%- endfor %}
{%- for stage in layer.stages %}
    // {{ stage.comment }}
{%- for memory in stage.memories %}
    {{ memory }}
{%- endfor %}
{%- for call in stage.calls %}
    nnet::{{ call.function }}({{ call.args|join(", ") }});
{%- endfor %}
{%- endfor %}
}
{% endfor %}
#ifdef __SYNTHESIS__
#pragma hls_design top
{%- match project.schedule %}
{%- when Schedule::Pipeline %}
#pragma hls_pipeline_init_interval {{ project.ii() }}
{%- when Schedule::Dataflow %}
{%- when Schedule::Sequence %}
{%- endmatch %}
#endif
{% include "common/signature.cpp" %} {
    // hls-fpga-machine-learning insert layers
{%- for layer in project.layers %}
{%- for a in layer.declares %}
    {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
{%- endfor %}
    {{ layer.function }}({{ layer.args()|join(", ") }});
{% endfor %}
{%- for call in project.copies %}
    nnet::{{ call.function }}({{ call.args|join(", ") }});
{%- endfor %}
{%- include "common/traces.cpp" %}
}

// hls-fpga-machine-learning insert namespace-end
} // namespace {{ project.name }}
