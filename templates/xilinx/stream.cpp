#include "{{ project.name }}.h"

#include "nnet_utils/trace_stream.h"
#include "parameters.h"

// hls-fpga-machine-learning insert namespace-start
namespace {{ project.name }} {
{%- include "common/cells.cpp" %}
{% include "common/processes.cpp" %}
{% include "common/signature.cpp" %} {
    // hls-fpga-machine-learning insert IO
#ifdef __SYNTHESIS__
    #pragma HLS INTERFACE axis port={{ project.port_arrays()|join(",") }}
    #pragma HLS DATAFLOW
#endif

    // hls-fpga-machine-learning insert layers
{%- include "common/process_calls.cpp" %}
}

// hls-fpga-machine-learning insert namespace-end
} // namespace {{ project.name }}
