// Channels of packed words, at the ports and between the layers.
#ifndef QK_PROJECT_STREAM_H_
#define QK_PROJECT_STREAM_H_

#include "array.h"
#include "types.h"
#if defined(QK_FIFO_CHECK)
#include "fifo.h"
#elif defined(QK_LIBRARY)
#include "queue.h"
#else
#include "ac_channel.h"
#endif

namespace QK_PROJECT {
namespace nnet {

#if defined(QK_FIFO_CHECK)
template <class W> using stream = fifo<W>;
#elif defined(QK_LIBRARY)
template <class W> using stream = queue<W>;
#else
template <class W> using stream = ac_channel<W>;
#endif

} // namespace nnet
} // namespace QK_PROJECT

#include "words.h"

#endif
