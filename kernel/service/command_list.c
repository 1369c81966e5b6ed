#include "command_list.h"

void command_list_append(struct command_list *list, struct command *first, struct command *last, size_t n)
{
    if (!first)
        return;
    last->next = NULL;
    if (list->first)
        list->last->next = first;
    else
        list->first = first;
    list->last = last;
    list->n += n;
}

struct command *command_list_shift(struct command_list *list)
{
    struct command *command = list->first;

    list->first = command->next;
    if (!list->first)
        list->last = NULL;
    list->n--;
    command->next = NULL;
    return command;
}
