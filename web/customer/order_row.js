/** What is known of an order, from the view that has its whole timeline, or from its owner where the view is down or behind. Pure. */

export const RAN_OUT = 'Out of stock';
const ENDED = new Set(['Completed', 'Canceled']);

/* A cancelled order's money is on its way back until it is said to be there. */
const isOwedMoney = (row) => row.orderStatus === 'Canceled' && row.paymentStatus === 'Paid';

const isPaidBack = (row) => row.paymentStatus === 'Refunded';

/* The shop has cancelled it by itself: goods didn't come in time. */
export const isGivenUp = (row) => row.orderStatus === 'Canceled' && row.timeline.some((one) => one.reason === RAN_OUT);

export const hasEnded = (row) => ENDED.has(row.orderStatus) && !isOwedMoney(row);

const statusSince = (row) => Math.max(...row.timeline.filter((one) => one.status).map((one) => Date.parse(one.at)), -Infinity);

/* A cup that was no good is paid back soon, or not at all. */
const PAID_BACK_WITHIN_MS = 3_600_000;

/** Whether an order that has ended may still be paid back, by the shop: for an hour. */
export const mayBePaidBack = (row, when) =>
    row.orderStatus === 'Completed' && row.paymentStatus === 'Paid' && when - statusSince(row) < PAID_BACK_WITHIN_MS;

/** An order as its owner tells of it, as a row of the view. What was known of its way is kept (`known`: the row until now). */
export function rowOfOrder(order, known = undefined) {
    const timeline = known ? known.timeline.filter((one) => one.type !== 'Seen') : [{ at: order.createdAt, type: 'Ordered', status: 'Requested' }];
    const status = timeline.findLast((one) => one.status)?.status;
    if (order.status !== status) {
        timeline.push({ at: order.updatedAt, type: order.status === 'Canceled' ? 'OrderCanceled' : 'Seen', status: order.status,
            ...(order.cancelReason && { reason: order.cancelReason }) });
    }
    return { orderId: order.id, orderStatus: order.status, productName: order.productName, qty: order.qty, timeline, isOwners: true,
        ...(order.paymentStatus && { paymentStatus: order.paymentStatus }) };
}

/** The one that is newer, of two rows of the same order; `old` may be missing. What is known only goes forward: an order that has ended
 *  stays ended, of two rows of the view the longer timeline is the newer, and between owner and view the later status counts; when
 *  both say the same the one that knows of a refund, then the view's row, which has the whole way. */
export function newerRow(old, row) {
    if (!old) {
        return row;
    }
    if (hasEnded(old) !== hasEnded(row)) {
        return hasEnded(old) ? old : row;
    }
    if (Boolean(old.isOwners) === Boolean(row.isOwners)) {
        return old.isOwners || row.timeline.length >= old.timeline.length ? row : old;
    }
    if (old.orderStatus === row.orderStatus && isPaidBack(old) !== isPaidBack(row)) {
        return isPaidBack(old) ? old : row;
    }
    if (old.orderStatus === row.orderStatus) {
        return old.isOwners ? row : old;
    }
    return statusSince(row) >= statusSince(old) ? row : old;
}
