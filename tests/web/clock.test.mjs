import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';
import { forgetTime, hearTime, now } from '../../web/shared/clock.js';

const HOUR_MS = 3_600_000;

afterEach(forgetTime);

test("the shop's time is shown, not the device's, which is hours wrong", () => {
    const shop = Date.now() - 5 * HOUR_MS;
    hearTime(new Date(shop).toUTCString());
    assert.ok(Math.abs(now() - shop) < 1_500);
});

test('the latest of what was heard counts: an answer that took long says an earlier time', () => {
    const shop = 1_700_000_000_000;
    hearTime(shop, 1_000);
    hearTime(shop + 500, 4_000); /* was three seconds on its way */
    assert.ok(Math.abs(now() - (shop + performance.now() - 1_000)) < 50);
});

test('a stop-watch that stood still is put right by the next answer', () => {
    hearTime(1_700_000_000_000, 1_000);
    hearTime(1_700_000_000_000 + HOUR_MS, 2_000);
    assert.ok(now() - (1_700_000_000_000 + HOUR_MS + performance.now() - 2_000) > -50);
});

test('what is no time is not heard', () => {
    hearTime(null);
    hearTime('yesterday');
    assert.ok(Math.abs(now() - Date.now()) < 50);
});
