#include "{{ project.name }}.h"

#include "nnet_utils/trace_stream.h"
#include "parameters.h"

// hls-fpga-machine-learning insert namespace-start
namespace {{ project.name }} {
{%- include "common/cells.cpp" %}
{% include "common/processes.cpp" %}
#ifdef __SYNTHESIS__
{%- for p in project.inputs %}
#pragma hls_resource {{ p.array }}:rsc variables="{{ p.array }}" map_to_module="ccs_ioport.ccs_in_wait"
{%- endfor %}
{%- for p in project.outputs %}
#pragma hls_resource {{ p.array }}:rsc variables="{{ p.array }}" map_to_module="ccs_ioport.ccs_out_wait"
{%- endfor %}
#pragma hls_design top
#endif
{% include "common/signature.cpp" %} {
    // hls-fpga-machine-learning insert layers
{%- include "common/process_calls.cpp" %}
}

// hls-fpga-machine-learning insert namespace-end
} // namespace {{ project.name }}
