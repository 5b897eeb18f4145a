{%- let name = project.name -%}
// C functions of {{ name }} for Python's ctypes.
//
// Built with QK_TRACE (build_lib.sh does), the library also has the trace functions under their
// plain names; several projects linked into one program are built without.
#include <cstddef>

#include "firmware/{{ name }}.h"
#include "firmware/nnet_utils/trace.h"

namespace {{ name }} {
namespace {

template <class C>
void call({% for p in project.inputs %}const C *{{ p.array }}, {% endfor %}{% for p in project.outputs %}C *{{ p.array }}{% if !loop.last %}, {% endif %}{% endfor %}) {
{%- for p in project.inputs %}
    {{ p.type_name }} {{ p.array }}_ap[{{ p.elements }}];
    for (unsigned i = 0; i < {{ p.elements }}; i++) {
        {{ p.array }}_ap[i] = {{ p.type_name }}(static_cast<double>({{ p.array }}[i]));
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
        {{ p.array }}[i] = static_cast<C>({{ p.array }}_ap[i].to_double());
    }
{%- endfor %}
}

} // namespace
} // namespace {{ name }}

extern "C" {

void {{ name }}_float({% for p in project.inputs %}float *{{ p.array }}, {% endfor %}{% for p in project.outputs %}float *{{ p.array }}{% if !loop.last %}, {% endif %}{% endfor %}) {
    {{ name }}::call<float>({{ project.port_arrays()|join(", ") }});
}

void {{ name }}_double({% for p in project.inputs %}double *{{ p.array }}, {% endfor %}{% for p in project.outputs %}double *{{ p.array }}{% if !loop.last %}, {% endif %}{% endfor %}) {
    {{ name }}::call<double>({{ project.port_arrays()|join(", ") }});
}

#ifdef QK_TRACE
struct trace_data {
    const char *name;
    void *data;
};

// Starts keeping layer outputs; element_size is 4 for float, 8 for double.
void allocate_trace_storage(std::size_t element_size) {
    {{ name }}::nnet::trace_store &store = {{ name }}::nnet::trace_outputs();
    store.enabled = true;
    store.element_size = element_size;
    // hls-fpga-machine-learning insert trace_outputs
{%- for t in project.traces %}
    store.outputs["{{ t.literal() }}"].assign({{ t.elements }} * element_size, 0);
{%- endfor %}
}

void free_trace_storage() {
    {{ name }}::nnet::trace_store &store = {{ name }}::nnet::trace_outputs();
    store.outputs.clear();
    store.enabled = false;
}

// Name and data of every kept layer output, in the order of the names.
void collect_trace_output(trace_data *outputs) {
    {{ name }}::nnet::trace_store &store = {{ name }}::nnet::trace_outputs();
    std::size_t n = 0;
    for (std::map<std::string, std::vector<unsigned char> >::iterator i = store.outputs.begin();
         i != store.outputs.end(); ++i) {
        outputs[n].name = i->first.c_str();
        outputs[n].data = i->second.data();
        n++;
    }
}
#endif

} // extern "C"
