/** What this device remembers. Where it may not (a private window), the page still works for as long as it is open. */

const PREFIX = 'coffeeshop.';
const memory = new Map();

export function recall(name, otherwise) {
    try {
        const text = localStorage.getItem(PREFIX + name);
        return text === null ? memory.get(name) ?? otherwise : JSON.parse(text);
    } catch {
        return memory.get(name) ?? otherwise;
    }
}

export function remember(name, value) {
    memory.set(name, value);
    try {
        localStorage.setItem(PREFIX + name, JSON.stringify(value));
    } catch {
        /* only as long as the page is open, then */
    }
}

/** Calls `changed` when another window of this device remembers something new under the name. */
export function watch(name, changed) {
    addEventListener('storage', (event) => {
        if (event.key === PREFIX + name) {
            changed();
        }
    });
}
