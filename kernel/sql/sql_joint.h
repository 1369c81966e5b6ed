/** sql_joint.h: one transaction of several parts, each written by somebody who begins and ends it as if it were one of
 * its own: the cells of a batch (service/cells_core.h). What a part has committed is durable when all of it is; a part
 * that is rolled back takes the others with it. What is asked in between is asked inside the transaction.
 *
 *  Writer thread; what a connection may be asked from any thread may be asked of its joint, too.
 */
#ifndef COFFEESHOP_SQL_JOINT_H
#define COFFEESHOP_SQL_JOINT_H

#include "sql.h"

/** Over a connection, which has to live longer; close() frees the joint alone. NULL: no memory. */
struct sql *sql_joint_new(struct sql *sql);
/** Commits all parts, or rolls them back when `rc` says that something failed: that is returned then. OK without a
 * commit when no part was begun. */
int sql_joint_end(struct sql *joint, int rc);

#endif
