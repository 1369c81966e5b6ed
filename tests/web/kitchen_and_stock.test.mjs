import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareTickets, stillTrue } from '../../web/kitchen/board.js';
import { causeOf, isImplausible, itemsOf } from '../../web/stock/keeping.js';

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

test('a message on a ticket goes with the state that it was about', () => {
    const trouble = new Map([[1, { why: 'it is out of stock', wanted: 'Producing', status: null }]]);
    const out = stillTrue(trouble, [ticket(1, 'Out of stock', 1)]);
    assert.deepEqual([...out.keys()], [1], 'it is out of stock: so it says');
    assert.deepEqual([...stillTrue(out, [ticket(1, 'Out of stock', 1)]).keys()], [1]);
    assert.equal(stillTrue(out, [ticket(1, 'Ready', 1)]).size, 0, 'goods have come');
    assert.equal(stillTrue(out, []).size, 0, 'it has gone');
});

test('a touch that was not answered and turns out to have been heard is no trouble', () => {
    const trouble = new Map([[1, { why: null, wanted: 'Producing', status: null }]]);
    assert.equal(stillTrue(trouble, [ticket(1, 'Producing', 1)]).size, 0);
    assert.equal(stillTrue(stillTrue(trouble, [ticket(1, 'Ready', 1)]), [ticket(1, 'Producing', 1)]).size, 0);
});

test('a slip of a zero is far more than usual, a usual delivery is not', () => {
    assert.equal(isImplausible(1_000, [], 100), true);
    assert.equal(isImplausible(100, [], 100), false);
    assert.equal(isImplausible(1_000, [100, 50], 5_000), true, 'deliveries count for more than what is there');
    assert.equal(isImplausible(300, [100, 50], 0), false);
    assert.equal(isImplausible(100, [], 0), false, 'where there is nothing a crate is nothing to ask about');
    assert.equal(isImplausible(1_000, [], 0), true);
});

test('a movement is an order\'s, a counter ticket\'s, a client\'s reservation\'s, the keeper\'s or nobody\'s', () => {
    const cause = (one) => { const [key, { id }] = causeOf({ type: 'StockReduced', orderId: null, reservationId: null, reason: null, ...one }); return [key, id]; };
    assert.deepEqual(cause({ orderId: 42, reservationId: 'o42.1' }), ['for.order', 42]);
    assert.deepEqual(cause({ reservationId: 't6.1' }), ['for.counter', '6']);
    assert.deepEqual(cause({ reservationId: 'client:t6.1' }), ['for.reservation', 't6.1'], 'whatever a client calls its own');
    assert.deepEqual(cause({}), ['by.direct', undefined]);
    assert.deepEqual(cause({ type: 'StockReceived', reason: 'opening stock' }), ['by.opening', undefined]);
    assert.deepEqual(cause({ type: 'StockCorrected', reason: 'opening stock' }), ['by.keeperBecause', undefined]);
    assert.deepEqual(cause({ type: 'StockReceived' }), ['by.keeper', undefined]);
});
