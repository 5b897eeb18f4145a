{%- let name = project.name -%}
// C functions of {{ name }} for Python's ctypes.
//
// Built with QK_TRACE (build_lib.sh does), the library also has the trace functions under their
// plain names; several projects linked into one program are built without.
#include <cstddef>
#include <cstdlib>

#include "firmware/{{ name }}.h"
#include "firmware/nnet_utils/doubles.h"
#include "firmware/nnet_utils/trace.h"

namespace {{ name }} {
namespace {

// An array of the caller's: of float or of double.
struct numbers {
    float *single_precision;
    double *double_precision;

    explicit numbers(float *x) : single_precision(x), double_precision(NULL) {}
    explicit numbers(double *x) : single_precision(NULL), double_precision(x) {}
    double get(unsigned i) const {
        return single_precision ? static_cast<double>(single_precision[i]) : double_precision[i];
    }
    void set(unsigned i, double x) const {
        if (single_precision) {
            single_precision[i] = static_cast<float>(x);
        } else {
            double_precision[i] = x;
        }
    }
};

void call({% for a in project.port_arrays() %}const numbers &{{ a }}{% if !loop.last %}, {% endif %}{% endfor %}) {
{%- for p in project.inputs %}
    {{ p.type_name }} {{ p.array }}_ap[{{ p.elements }}];
    for (unsigned i = 0; i < {{ p.elements }}; i++) {
        {{ p.array }}_ap[i] = nnet::from_double<{{ p.type_name }}>({{ p.array }}.get(i));
    }
{%- endfor %}
{%- for p in project.outputs %}
    {{ p.type_name }} {{ p.array }}_ap[{{ p.elements }}];
{%- endfor %}

{%- if project.is_stream() %}
{%- for p in project.inputs %}
    nnet::stream<{{ p.word() }}> {{ p.array }}_stream;
    nnet::write_all<{{ p.words }}, {{ p.word() }}>({{ p.array }}_ap, {{ p.array }}_stream);
{%- endfor %}
{%- for p in project.outputs %}
    nnet::stream<{{ p.word() }}> {{ p.array }}_stream;
{%- endfor %}

    {{ name }}({% for a in project.port_arrays() %}{{ a }}_stream{% if !loop.last %}, {% endif %}{% endfor %});
{% for p in project.outputs %}
    nnet::read_all<{{ p.words }}, {{ p.word() }}>({{ p.array }}_stream, {{ p.array }}_ap);
{%- endfor %}
{%- else %}

    {{ name }}({% for a in project.port_arrays() %}{{ a }}_ap{% if !loop.last %}, {% endif %}{% endfor %});
{% endif -%}
{% for p in project.outputs %}
    for (unsigned i = 0; i < {{ p.elements }}; i++) {
        {{ p.array }}.set(i, nnet::to_double({{ p.array }}_ap[i]));
    }
{%- endfor %}
}

} // namespace
} // namespace {{ name }}

extern "C" {

{% for c in ["float", "double"] -%}
void {{ name }}_{{ c }}({% for a in project.port_arrays() %}{{ c }} *{{ a }}{% if !loop.last %}, {% endif %}{% endfor %}) {
    using {{ name }}::numbers;
    {{ name }}::call({% for a in project.port_arrays() %}numbers({{ a }}){% if !loop.last %}, {% endif %}{% endfor %});
}

{% endfor -%}
#ifdef QK_TRACE
struct trace_data {
    const char *name;
    void *data;
};

void free_trace_storage() {
    {{ name }}::nnet::trace_store &store = {{ name }}::nnet::trace_outputs();
    for (std::size_t i = 0; store.outputs && i < store.count; i++) {
        std::free(store.outputs[i].data);
    }
    store.outputs = NULL;
}

// Starts keeping layer outputs; element_size is 4 for float, 8 for double.
void allocate_trace_storage(std::size_t element_size) {
    // hls-fpga-machine-learning insert trace_outputs
    static {{ name }}::nnet::trace_output outputs[] = {
{%- for (literal, elements) in project.trace_storage() %}
        {"{{ literal }}", {{ elements }}, NULL},
{%- endfor %}
        {NULL, 0, NULL},
    };
    free_trace_storage();
    {{ name }}::nnet::trace_store &store = {{ name }}::nnet::trace_outputs();
    store.element_size = element_size;
    store.count = sizeof(outputs) / sizeof(outputs[0]) - 1;
    for (std::size_t i = 0; i < store.count; i++) {
        outputs[i].data = std::calloc(outputs[i].elements, element_size);
    }
    store.outputs = outputs;
}

// Name and data of every kept layer output, in the order of the names.
void collect_trace_output(trace_data *outputs) {
    const {{ name }}::nnet::trace_store &store = {{ name }}::nnet::trace_outputs();
    for (std::size_t i = 0; store.outputs && i < store.count; i++) {
        outputs[i].name = store.outputs[i].name;
        outputs[i].data = store.outputs[i].data;
    }
}
#endif

} // extern "C"
