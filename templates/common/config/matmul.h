
struct config{{ k.index }} {
    static const unsigned batch = {{ c.batch }};
    static const unsigned rows = {{ c.rows }};
    static const unsigned inner = {{ c.inner }};
    static const unsigned columns = {{ c.columns }};
};
