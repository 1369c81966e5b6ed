#include "client_request.h"

#include "errors.h"

void client_request_look_up(struct batch *batch, const struct client_request *client)
{
    if (client->key.n)
        batch_key(batch, client->key);
}

bool client_request_is_settled(struct batch *batch, struct client_request *client)
{
    if (!client->key.n)
        return false;
    const struct idempotency_record *record = batch_key(batch, client->key);

    switch (batch_check_key(record, &client->fingerprint)) {
    case KEY_NEW:
        return false;
    case KEY_SEEN:
        client->replayed = true;
        client->answer = (struct answer){record->status, record->location, record->body};
        break;
    case KEY_OF_ANOTHER:
        client->key_reused = true;
        break;
    }
    return true;
}

int client_request_keep(struct batch *batch, const struct client_request *client)
{
    if (!client->key.n)
        return OK;
    return batch_keep_answer(batch, batch_key(batch, client->key), client->fingerprint.members, &client->answer);
}
