/** Reading Prometheus' text format, and what can be told from its counters and histograms. Pure. */

const LINE = /^([a-zA-Z_:][\w:]*)(?:{(.*)})? ([^ ]+)$/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** [{name, labels, value}] */
export function parseMetrics(text) {
    return text.split('\n').filter((line) => line && !line.startsWith('#')).map((line) => LINE.exec(line)).filter(Boolean)
        .map(([, name, labels, value]) => ({
            name,
            labels: Object.fromEntries([...(labels ?? '').matchAll(LABEL)].map(([, key, text_]) => [key, text_])),
            value: value === '+Inf' ? Infinity : Number(value),
        }));
}

/** All samples of a name whose labels are these, too. */
export const samples = (metrics, name, labels = {}) =>
    metrics.filter((one) => one.name === name && Object.entries(labels).every(([key, value]) => one.labels[key] === value));

/** Their sum; 0 when there are none. */
export const sum = (metrics, name, labels) => samples(metrics, name, labels).reduce((total, one) => total + one.value, 0);

/** A histogram's buckets: [[upper bound, cumulative count], …] by bound. */
export const buckets = (metrics, name) =>
    samples(metrics, `${name}_bucket`).map((one) => [one.labels.le === '+Inf' ? Infinity : Number(one.labels.le), one.value])
        .sort(([a], [b]) => a - b);

/** By how much a counter grew. One that is smaller than before began anew: its process was restarted. */
export const growth = (before, after) => (after >= before ? after - before : after);

/** What came into a histogram between two looks. */
export function bucketGrowth(before, after) {
    const total = (list) => list[list.length - 1]?.[1] ?? 0;
    if (total(after) < total(before)) {
        return after;
    }
    return after.map(([bound, count], i) => [bound, count - (before[i]?.[1] ?? 0)]);
}

/** A quantile of cumulative buckets, evenly spread within its bucket; null when nothing is in them. */
export function quantile(list, q) {
    const total = list[list.length - 1]?.[1] ?? 0;
    if (total <= 0) {
        return null;
    }
    const at = list.findIndex(([, count]) => count >= q * total);
    const [bound, count] = list[at];
    const [below, counted] = at > 0 ? list[at - 1] : [0, 0];
    return bound === Infinity ? below : below + (bound - below) * ((q * total - counted) / Math.max(count - counted, 1));
}
