{%- let name = project.name -%}
// The processes of {{ name }}, all at once, on FIFOs of the depths that the design declares: what
// the hardware does. Built with QK_FIFO_CHECK in place of firmware/{{ name }}.cpp, the test bench
// runs it; it ends with status 3 when processes wait for each other or words are left.
#ifndef QK_FIFO_CHECK
#error "compile with -DQK_FIFO_CHECK"
#endif

#include "firmware/{{ name }}.cpp"

namespace {{ name }} {

void {{ name }}_fifos(
{%- for p in project.inputs %}
    nnet::stream<{{ p.word() }}> &{{ p.array }},{% endfor %}{% for p in project.outputs %}
    nnet::stream<{{ p.word() }}> &{{ p.array }}{% if !loop.last %},{% endif %}{% endfor %}) {
{%- for s in network.streams %}{% if !s.port %}
    nnet::stream<{{ s.word }}> {{ s.name }}("{{ s.name }}", {{ s.depth }});
{%- endif %}{% endfor %}

    nnet::processes processes;
{%- for p in network.processes %}
    processes.start("{{ p.function }}", [&] { {{ p.function }}({{ p.args(network.streams)|join(", ") }}); });
{%- endfor %}
    processes.run();

    // Name, peak, depth and words of one sample.
    bool empty = true;
    std::FILE *const report = std::fopen("tb_data/fifo_report.log", "w");
    if (report) {
{%- for s in network.streams %}{% if !s.port %}
        empty = {{ s.name }}.report(report) && empty;
{%- endif %}{% endfor %}
        std::fclose(report);
    }
    if (!empty) {
        std::exit(3);
    }
{%- if !project.traces.is_empty() %}
#ifdef QK_TRACE
{%- for t in project.traces %}{% for s in network.source(*t.node) %}
    nnet::trace_words("{{ t.literal() }}", {{ s.name }}.history());
{%- endfor %}{% endfor %}
#endif
{%- endif %}
}

} // namespace {{ name }}
