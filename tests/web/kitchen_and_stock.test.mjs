import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareTickets } from '../../web/kitchen/board.js';
import { itemsOf } from '../../web/stock/keeping.js';

test('what is new on the board and what has gone is seen by comparing', () => {
    const tickets = (...ids) => ids.map((id) => ({ id }));
    const { arrived, gone } = compareTickets(tickets(1, 2, 3), tickets(2, 3, 4, 5));
    assert.deepEqual(arrived.map((ticket) => ticket.id), [4, 5]);
    assert.deepEqual(gone.map((ticket) => ticket.id), [1]);
});

const ticket = (id, status, qty, productName = 'Latte') => ({ id, status, qty, productName });

test('an item knows what of it is being made, wanted next, and waited for', () => {
    const [latte, tea] = itemsOf(
        [{ id: 1, productName: 'Latte', qty: 3, lowMark: 5 }, { id: 2, productName: 'Tea', qty: 9, lowMark: 0 }],
        [ticket(1, 'Producing', 2), ticket(2, 'Ready', 1), ticket(3, 'Ready', 4, 'Tea'), ticket(4, 'Out of stock', 4), ticket(5, 'Out of stock', 2)],
    );
    assert.deepEqual([latte.reserved, latte.wanted, latte.waiting.length, latte.missing, latte.isLow], [2, 1, 2, 3, true]);
    assert.deepEqual([tea.reserved, tea.wanted, tea.waiting.length, tea.missing, tea.isLow], [0, 4, 0, 0, false]);
});

test('without a mark an item is low when nothing is left', () => {
    assert.deepEqual(itemsOf([{ qty: 1, lowMark: 0 }, { qty: 0, lowMark: 0 }], []).map((item) => item.isLow), [false, true]);
});
