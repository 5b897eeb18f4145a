{%- let name = project.name -%}
// Test bench of {{ name }}: runs the samples of tb_data and compares the integer codes of every
// output with the reference.
//
// Usage: {{ name }}_test [[<weights_dir>] <input codes> <reference codes>]
// Exit status: 0 all codes are equal, 1 some differ, 2 data is missing or cannot be read.
#include <cstdio>

#include "firmware/{{ name }}.h"
#include "firmware/nnet_utils/codes.h"
#include "firmware/nnet_utils/trace.h"

#ifdef RTL_SIM
static const char *const results_path = "tb_data/rtl_cosim_results.log";
#else
static const char *const results_path = "tb_data/csim_results.log";
#endif

{%- if project.is_stream() %}
#ifdef QK_FIFO_CHECK
namespace {{ name }} {
// The same function on bounded FIFOs: {{ name }}_fifos.cpp.
void {{ name }}_fifos(
{%- for p in project.inputs %}
    nnet::stream<{{ p.word() }}> &{{ p.array }},{% endfor %}{% for p in project.outputs %}
    nnet::stream<{{ p.word() }}> &{{ p.array }}{% if !loop.last %},{% endif %}{% endfor %});
} // namespace {{ name }}
#endif
{% endif %}
// hls-fpga-machine-learning insert arrays
{%- for p in project.inputs %}
static {{ name }}::{{ p.type_name }} {{ p.array }}[{{ p.elements }}];
{%- endfor %}
{%- for p in project.outputs %}
static {{ name }}::{{ p.type_name }} {{ p.array }}[{{ p.elements }}];
static {{ name }}::{{ p.type_name }} {{ p.array }}_expected[{{ p.elements }}];
{%- endfor %}

{% if project.is_catapult() -%}
CCS_MAIN(int argc, char *argv[]) {
{%- else -%}
int main(int argc, char *argv[]) {
{%- endif %}
    namespace nnet = {{ name }}::nnet;
    const char *const inputs_path = argc > 2 ? argv[argc - 2] : "tb_data/tb_input_features.dat";
    const char *const expected_path = argc > 2 ? argv[argc - 1] : "tb_data/tb_output_predictions.dat";
    std::FILE *const inputs = std::fopen(inputs_path, "r");
    std::FILE *const expected = std::fopen(expected_path, "r");
    std::FILE *const results = std::fopen(results_path, "w");
    if (!inputs || !expected || !results) {
        std::fprintf(stderr, "ERROR: cannot open %s\n",
                     !inputs ? inputs_path : !expected ? expected_path : results_path);
        {{ project.finish("2") }};
    }

#ifdef QK_TRACE
    std::FILE *const traces = std::fopen("tb_data/csim_traces.log", "w");
    nnet::trace_outputs().codes = traces;
#endif

    unsigned long samples = 0;
    unsigned long mismatches = 0;
    for (;;) {
        // hls-fpga-machine-learning insert data
{%- for p in project.inputs %}
{%- if loop.first %}
        nnet::read_result found = nnet::read_codes(inputs, {{ p.array }}, {{ p.elements }});
        if (found == nnet::read_end) {
            break;
        }
{%- else %}
        if (found == nnet::read_value) {
            found = nnet::read_codes(inputs, {{ p.array }}, {{ p.elements }});
        }
{%- endif %}
{%- endfor %}
        if (found != nnet::read_value) {
            std::fprintf(stderr, "ERROR: %s: sample %lu cannot be read\n", inputs_path, samples);
            {{ project.finish("2") }};
        }
{%- for p in project.outputs %}
{%- if loop.first %}
        found = nnet::read_codes(expected, {{ p.array }}_expected, {{ p.elements }});
{%- else %}
        if (found == nnet::read_value) {
            found = nnet::read_codes(expected, {{ p.array }}_expected, {{ p.elements }});
        }
{%- endif %}
{%- endfor %}
        if (found != nnet::read_value) {
            std::fprintf(stderr, "ERROR: %s: sample %lu cannot be read\n", expected_path, samples);
            {{ project.finish("2") }};
        }

        // hls-fpga-machine-learning insert top-level-function
{%- if project.is_stream() %}
{%- for p in project.inputs %}
        nnet::stream<{{ name }}::{{ p.word() }}> {{ p.array }}_stream;
        nnet::write_all<{{ p.words }}, {{ name }}::{{ p.word() }}>({{ p.array }}, {{ p.array }}_stream);
{%- endfor %}
{%- for p in project.outputs %}
        nnet::stream<{{ name }}::{{ p.word() }}> {{ p.array }}_stream;
{%- endfor %}
#ifdef QK_FIFO_CHECK
        {{ name }}::{{ name }}_fifos({% for a in project.port_arrays() %}{{ a }}_stream{% if !loop.last %}, {% endif %}{% endfor %});
#else
        {{ name }}::{{ name }}({% for a in project.port_arrays() %}{{ a }}_stream{% if !loop.last %}, {% endif %}{% endfor %});
#endif
{%- for p in project.outputs %}
        nnet::read_all<{{ p.words }}, {{ name }}::{{ p.word() }}>({{ p.array }}_stream, {{ p.array }});
{%- endfor %}
        if ({% for a in project.port_arrays() %}!{{ a }}_stream.empty(){% if !loop.last %} || {% endif %}{% endfor %}) {
            std::fprintf(stderr, "ERROR: sample %lu: words are left in a stream\n", samples);
            {{ project.finish("2") }};
        }
{%- else %}
        {{ name }}::{{ name }}({{ project.port_arrays()|join(", ") }});
{%- endif %}

        // hls-fpga-machine-learning insert output
{%- for p in project.outputs %}
        nnet::write_codes(results, {{ p.array }}, {{ p.elements }});
        mismatches += nnet::count_mismatches("{{ p.array }}", samples, {{ p.array }}, {{ p.array }}_expected,
                                             {{ p.elements }}, mismatches == 0);
{%- endfor %}
        std::fprintf(results, "\n");
#ifdef QK_TRACE
        if (traces) {
            std::fprintf(traces, "\n");
        }
#endif
        samples++;
    }
    std::fclose(inputs);
    std::fclose(expected);
    std::fclose(results);
#ifdef QK_TRACE
    if (traces) {
        std::fclose(traces);
    }
#endif

    if (samples == 0) {
        std::fprintf(stderr, "ERROR: %s: no samples\n", inputs_path);
        {{ project.finish("2") }};
    }
    std::printf("%lu samples, %lu mismatches\n", samples, mismatches);
    {{ project.finish("mismatches == 0 ? 0 : 1") }};
}
