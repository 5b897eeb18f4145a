
struct config{{ k.index }} {
    static const unsigned elements = {{ c.elements }};
    typedef {{ c.kind }} kind;
    typedef {{ c.total }} total_t;
    static unsigned shift(unsigned{% if c.shift.contains("operand") %} operand{% endif %}) { return {{ c.shift }}; }
    static unsigned index(unsigned{% if c.index.contains("operand") %} operand{% endif %}, unsigned{% if c.uses_i() %} i{% endif %}) { return {{ c.index }}; }
};
