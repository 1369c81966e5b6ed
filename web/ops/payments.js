/** What the payments of the shop's day have come to, from payment's summary. Pure. */

const total = (rows, member) => rows.reduce((sum, one) => sum + one[member], 0);
const countOf = (rows, ...statuses) => total(rows.filter((one) => statuses.includes(one.status)), 'count');

/** Whether it is a summary, and not a stranger's answer. */
export const isSummary = (answer) => Array.isArray(answer?.sums) && Array.isArray(answer.unresolved);

/** How many there are of each kind. Those of the day: approved, declined, unanswered, refunded, released. Of any day: unresolved, which
 *  are authorized, pending and returning ones. Where there is no summary nothing is known, and nothing is said. */
export function countsOf(summary) {
    if (!summary) {
        return {};
    }
    const { sums, unresolved } = summary;
    return {
        approved: countOf(sums, 'Authorized', 'Captured', 'Refunded'),
        declined: countOf(sums, 'Declined'),
        unanswered: countOf(sums, 'Pending'),
        refunded: countOf(sums, 'Refunded'),
        released: countOf(sums, 'Voided'),
        unresolved: total(unresolved, 'count'),
        authorized: countOf(unresolved, 'Authorized'),
        pending: countOf(unresolved, 'Pending'),
        returning: countOf(unresolved, 'Captured'),
    };
}

/** The money of the day: [{currency, taken, givenBack, left}]. */
export function moneyOf({ sums }) {
    return [...new Set(sums.map((one) => one.currency))].sort().map((currency) => {
        const rows = sums.filter((one) => one.currency === currency);
        return { currency, taken: total(rows, 'taken'), givenBack: total(rows, 'givenBack'), left: total(rows, 'left') };
    });
}
