#include "kafka_cell.h"

#include "base.h"

#include <librdkafka/rdkafka.h>

int32_t kafka_cell_of(struct str key, int32_t cells)
{
    ASSERT(key.n > 0 && cells > 0);
    return rd_kafka_msg_partitioner_murmur2(NULL, key.p, key.n, cells, NULL, NULL);
}
