#include "{{ project.name }}.h"

#include "nnet_utils/trace.h"
#include "parameters.h"

// hls-fpga-machine-learning insert namespace-start
namespace {{ project.name }} {
{%- include "common/cells.cpp" %}
{% for layer in project.layers %}
// {{ layer.title }}
static void {{ layer.function }}({% for a in layer.inputs %}const {{ a.type_name }} {{ a.name }}[{{ a.elements }}], {% endfor %}{% for a in layer.outputs %}{{ a.type_name }} {{ a.name }}[{{ a.elements }}]{% if !loop.last %}, {% endif %}{% endfor %}) {
{%- if !layer.loops %}
#ifdef __SYNTHESIS__
    #pragma HLS PIPELINE II={{ layer.ii }}
{%- for limit in layer.multipliers %}
    #pragma HLS ALLOCATION operation instances=mul limit={{ limit }}
{%- endfor %}
#endif
{%- endif %}
{%- for a in layer.locals %}
    {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
{%- if loop.last %}
#ifdef __SYNTHESIS__
{%- for p in layer.locals %}
    #pragma HLS ARRAY_PARTITION variable={{ p.name }} complete dim=0
{%- endfor %}
#endif
{%- endif %}
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
{% include "common/signature.cpp" %} {
    // hls-fpga-machine-learning insert IO
#ifdef __SYNTHESIS__
{%- for p in project.inputs %}
    #pragma HLS ARRAY_RESHAPE variable={{ p.array }} complete dim=0
{%- endfor %}
{%- for p in project.outputs %}
    #pragma HLS ARRAY_PARTITION variable={{ p.array }} complete dim=0
{%- endfor %}
    #pragma HLS INTERFACE ap_vld port={{ project.port_arrays()|join(",") }}
{%- match project.schedule %}
{%- when Schedule::Pipeline %}
    #pragma HLS PIPELINE II={{ project.ii() }}
{%- when Schedule::Dataflow %}
    #pragma HLS DATAFLOW
{%- when Schedule::Sequence %}
{%- endmatch %}
#endif

    // hls-fpga-machine-learning insert layers
{%- for layer in project.layers %}
{%- for a in layer.declares %}
    {{ a.type_name }} {{ a.name }}[{{ a.elements }}];
{%- endfor %}
{%- if !layer.declares.is_empty() %}
#ifdef __SYNTHESIS__
{%- for a in layer.declares %}
    #pragma HLS ARRAY_PARTITION variable={{ a.name }} complete dim=0
{%- endfor %}
#endif
{%- endif %}
    {{ layer.function }}({{ layer.args()|join(", ") }});
{% endfor %}
{%- for call in project.copies %}
    nnet::{{ call.function }}({{ call.args|join(", ") }});
{%- endfor %}
{%- include "common/traces.cpp" %}
}

// hls-fpga-machine-learning insert namespace-end
} // namespace {{ project.name }}
