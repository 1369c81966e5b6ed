import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';

const stored = new Map();
globalThis.localStorage = { getItem: (name) => stored.get(name) ?? null, setItem: (name, text) => stored.set(name, text) };
const { KeptList, standing } = await import('../../web/shared/kept.js');

const DAY_MS = 86_400_000;
const listOf = () => new KeptList('numbers', { keyOf: String, isEntry: Number.isSafeInteger, most: 3, order: (a, b) => b - a });
const inStore = (name) => JSON.parse(stored.get(`coffeeshop.${name}`));

beforeEach(() => stored.clear());

test('two windows that add at once both keep what they added', async () => {
    const [one, two] = [listOf(), listOf()];
    await Promise.all([one.put(1), two.put(2)]);
    assert.deepEqual(one.all(), [2, 1]);
    assert.deepEqual(two.all(), [2, 1]);
});

test('what one window has forgotten no other brings back, unless it is asked for', async () => {
    const [one, two] = [listOf(), listOf()];
    await one.put(1);
    await one.remove('1');
    await two.put(1);
    assert.deepEqual(two.all(), []);
    stored.set('coffeeshop.numbers', '[1]'); /* a window of an older version writes its whole list */
    assert.deepEqual(one.all(), []);
    await two.put(1, { again: true });
    assert.deepEqual(one.all(), [1]);
});

test('a tombstone has an end, also when the clock that it was made by was wrong', () => {
    assert.deepEqual(standing({ a: 10, b: 20, c: 20 + 2 * DAY_MS }, 10), { b: 20 });
});

test('the newest are kept', async () => {
    const list = listOf();
    for (const n of [4, 1, 3, 2]) {
        await list.put(n);
    }
    assert.deepEqual(inStore('numbers'), [4, 3, 2]);
});

test('what is no entry is passed over, and a name that every object has is no tombstone', async () => {
    stored.set('coffeeshop.words', '["constructor", 7, null]');
    const words = new KeptList('words', { keyOf: String, isEntry: (one) => typeof one === 'string', most: 3, order: () => 0 });
    assert.deepEqual(words.all(), ['constructor']);
});

test('where nothing can be stored the window still remembers', async () => {
    const { setItem } = globalThis.localStorage;
    globalThis.localStorage.setItem = () => { throw new Error('no room'); };
    const list = listOf();
    await list.put(5);
    assert.deepEqual(list.all(), [5]);
    globalThis.localStorage.setItem = setItem;
    await list.put(6);
    assert.deepEqual(inStore('numbers'), [6, 5], 'and stores it as soon as there is room');
});
