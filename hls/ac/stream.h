// Channels of packed words, at the ports and between the layers.
#ifndef QK_PROJECT_STREAM_H_
#define QK_PROJECT_STREAM_H_

#include "ac_channel.h"

#include "array.h"
#include "types.h"
#ifdef QK_FIFO_CHECK
#include "fifo.h"
#endif

namespace QK_PROJECT {
namespace nnet {

#ifdef QK_FIFO_CHECK
template <class W> using stream = fifo<W>;
#else
template <class W> using stream = ac_channel<W>;
#endif

} // namespace nnet
} // namespace QK_PROJECT

#include "words.h"

#endif
