/** The one way in which these tests wait for something outside a page: ask again until it holds, or a deadline has passed. */
import assert from 'node:assert/strict';

/** Thrown by a check that can't come true any more. */
export class GivenUp extends Error {}

/** Calls check() until it gives something true, and gives that. What it throws counts as "not yet", but for GivenUp.
 *  After `within` ms it fails with the last error, or with a sentence that says what was waited for. */
export async function eventually(what, check, { within = 20_000, every = 40 } = {}) {
    const deadline = performance.now() + within;
    for (;;) {
        let value = null;
        let failure = null;
        try {
            value = await check();
        } catch (error) {
            if (error instanceof GivenUp) {
                throw error;
            }
            failure = error;
        }
        if (value) {
            return value;
        }
        if (performance.now() >= deadline) {
            assert.fail(`not within ${within} ms: ${what} (${failure ? failure.message : JSON.stringify(value)})`);
        }
        await new Promise((resolve) => setTimeout(resolve, every));
    }
}
