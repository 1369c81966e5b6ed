/** What this device remembers. Where it may not (a private window), the page still works for as long as it is open. */

const PREFIX = 'coffeeshop.';
const memory = new Map();

const kindOf = (value) => (Array.isArray(value) ? 'array' : value === null ? 'null' : typeof value);

/** What was remembered under the name; `otherwise` when there is nothing, or nothing of that kind (of another version, or broken). */
export function recall(name, otherwise) {
    let value;
    try {
        const text = localStorage.getItem(PREFIX + name);
        value = text === null ? memory.get(name) : JSON.parse(text);
    } catch {
        value = memory.get(name);
    }
    return kindOf(value) === kindOf(otherwise) ? value : otherwise;
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
