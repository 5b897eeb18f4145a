
struct config{{ k.index }} {
    static const unsigned positions = {{ positions }};
    static const unsigned channels = {{ channels }};
};
