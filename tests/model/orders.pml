/*
 * The crash tables of order-place, inventory-worker and notify-worker as a model, for Spin: one order on its way, with two
 * workers of each kind on one ledger. See order-tools(7), CRASHES, for the states P0 to P4, I0 to I3 and N0 to N4.
 *
 * FAULTS of them, in any mixture and at every step: a program is killed and starts again; a connection is lost before
 * or after the broker has handled what it was sent; the power fails, at order-place's disk; a commit is in doubt (done or
 * not, nobody knows); the broker is away; a command that tells a customer fails; with -DLEASE, a run that lives is taken
 * for dead, its lease having passed. Besides that, somebody publishes the order a second time, and the order's message is
 * gone for good (purged, expired) at any time after the decision.
 *
 * What must hold, checked where it could break and, once nothing can move any more, by books():
 *   - a receipt implies that the order is stored, also after a loss of power;
 *   - no order is reserved twice;
 *   - a customer is told once, and once more for each kill between N1 and N3, or lease that passed there, at most;
 *   - an order with a receipt is told, or has failed, or its event is a dead letter after MAX_ATTEMPTS in doubt.
 *
 * What nobody reads any more (whose order, event or claim it was) is set to 0, so that states differ only in what matters.
 *
 * To see that the model can fail: -DNO_RELAY (what is owed is sent only if its order comes again), -DNO_CLAIM (nobody says
 * that he is about to tell), -DNO_WAIT (an event that somebody else has claimed is acknowledged as a repeat at once),
 * -DNO_SYNC (the receipt does not wait for the disk), -DNO_FIND (the worker decides without looking whether it has before).
 */

#ifndef FAULTS
#define FAULTS 3
#endif
#define MAX_ATTEMPTS 3
#define WORKERS 2
#define ENDED 255 /* in place of the number of a run that is alive */

byte faults = FAULTS;

/* ---- on disk ---- */

mtype = { NONE, PENDING, PLACED, RESERVED, FAILED, FREE, CLAIMED, TOLD };

mtype order = NONE; /* order-place's store: NONE, PENDING or PLACED */
byte pending_by;    /* the run whose pending order it is */
bool synced;        /* and does it survive a loss of power? */

mtype outcome = NONE; /* the ledger: NONE, RESERVED or FAILED */
bool owed;            /* and is its event to be published? */
byte owed_by;

mtype telling = FREE; /* notify-worker's ledger: FREE, CLAIMED or TOLD */
byte claimed_by;
byte attempts;

/* ---- on the broker ---- */

byte placed_ready;               /* copies of OrderPlaced that wait */
bool placed_unacked[WORKERS];    /* delivered to a worker, and not acknowledged */
byte reserved_ready;             /* the same of InventoryReserved */
bool reserved_unacked[WORKERS];
bool published_failed;
bool dead_letter;

/* ---- what the world has seen ---- */

bool receipt;
byte reservations;
byte tellings;
byte doubts; /* kills between N1 and N3 */

/* Workers that rest differ in their numbers alone, so that it is enough if number 1 begins only while number 0 is at work. */
bool inventory_busy; /* Is number 0? */
bool notify_busy;
#define MAY_BEGIN(busy) (me == 0 || busy)

/* Within an atomic: a worker begins, or rests again. */
inline begin(busy)
{
    if
    :: me == 0 -> busy = true
    :: else
    fi
}

inline rest(busy)
{
    if
    :: me == 0 -> busy = false
    :: else
    fi
}

/* Within an atomic: something goes wrong, if it still may. */
#define FAULT faults > 0 -> faults--

/* A message reaches its queue, and is confirmed; a connection that is lost before or after that means: once more. */
inline publish(queue)
{
    do
    :: atomic { queue++; break }
    :: atomic { FAULT; queue++ }
    :: atomic { FAULT }
    od
}

/* An acknowledgement of a delivery whose connection is gone does nothing: it is back in its queue already. */
inline acknowledge(unacked, queue)
{
    if
    :: unacked -> unacked = false
    :: unacked && faults > 0 -> faults--; unacked = false; queue++
    :: else
    fi
}

/* ---- order-place: placer has the order on its standard input, the other is a later run, or --flush ---- */

inline place_killed()
{
    if
    :: order == PENDING && pending_by == _pid -> pending_by = ENDED
    :: else
    fi
}

/* The power fails, at the disk of this machine: what no commit that was synced has is gone. */
inline lose_power()
{
    if
    :: !synced -> order = NONE; pending_by = 0
    :: synced && order == PLACED -> order = PENDING; pending_by = ENDED
    :: synced && order == PENDING -> place_killed()
    fi
}

active proctype placer()
{
again:
    if
    :: atomic {
           order == NONE -> order = PENDING; pending_by = _pid /* P1 */
#ifdef NO_SYNC
           ; receipt = true
#endif
       }
    :: atomic { order != NONE -> goto over }         /* placed again, and found */
    :: atomic { FAULT; goto over }                   /* killed in P0 */
    fi;
    if
    :: publish(placed_ready)                         /* P2, perhaps before it is synced */
    :: atomic { FAULT; place_killed(); goto over }
    :: atomic { FAULT; synced = true; goto tell }    /* the broker stays away: the receipt says PENDING */
    fi;
    if
    :: atomic { synced = true; order = PLACED; pending_by = 0 } /* P3: P1 is synced by then, P3 itself is not */
    :: atomic { FAULT; place_killed(); goto over }
    :: atomic { FAULT; lose_power(); goto over }
    fi;
tell:
    if
    :: atomic { assert(order != NONE); receipt = true } /* P4 */
    :: atomic { FAULT; lose_power(); goto over }
    :: atomic { FAULT }
    fi;
    atomic { place_killed() };
over:
    /* Who has no receipt may place the order again. */
    if
    :: atomic { order == NONE && !receipt && faults > 0 -> goto again }
    :: atomic { synced = false }
    fi
}

active proctype flusher()
{
end:
    do
    :: atomic { order == PENDING && pending_by == ENDED -> pending_by = _pid };
       publish(placed_ready);
       if
       :: atomic { order = PLACED; pending_by = 0 }
       :: atomic { FAULT; place_killed() }
       fi
    od
}

/* ---- inventory-worker ---- */

/* The one transaction of I1. mine says whether this worker is to publish the event. */
inline decide()
{
#ifdef NO_FIND
#define KNOWN false
#else
#define KNOWN (outcome != NONE)
#endif
    if
    :: !KNOWN ->
        if
        :: outcome = RESERVED; reservations++; assert(reservations <= 1)
        :: outcome = FAILED
        fi;
        owed = true;
        owed_by = _pid;
        mine = true
    :: KNOWN && owed && (owed_by == ENDED || owed_by == _pid) -> owed_by = _pid; mine = true
    :: KNOWN && owed && owed_by != ENDED && owed_by != _pid -> mine = false
    :: KNOWN && !owed -> mine = false
    fi
}

inline announce()
{
    if
    :: outcome == RESERVED -> publish(reserved_ready)
    :: else -> published_failed = true
    fi
}

inline inventory_killed()
{
    if
    :: owed && owed_by == _pid -> owed_by = ENDED
    :: else
    fi;
    if
    :: placed_unacked[me] -> placed_unacked[me] = false; placed_ready++
    :: else
    fi;
    mine = false;
    rest(inventory_busy)
}

proctype inventory_worker(byte me)
{
    bool mine;

end:
    do
    :: atomic {
           placed_ready > 0 && MAY_BEGIN(inventory_busy) ->
               begin(inventory_busy); placed_ready--; placed_unacked[me] = true
       }; /* I0 */
again:
       if
       :: atomic { decide() }                /* I1 */
       :: atomic { FAULT; decide(); mine = false; goto again } /* done, and nobody knows: the same once more */
       :: atomic { FAULT; goto again }       /* not done, and nobody knows */
       :: atomic { FAULT; inventory_killed(); goto end }
       fi;
       if
       :: atomic { !mine }
       :: mine -> announce()                 /* I2 */
       :: atomic { FAULT; inventory_killed(); goto end }
       fi;
       if
       :: atomic { acknowledge(placed_unacked[me], placed_ready) } /* I3 */
       :: atomic { FAULT; inventory_killed(); goto end }
       fi;
       if
       :: atomic { mine -> owed = false; owed_by = 0; mine = false; rest(inventory_busy) }
       :: atomic { !mine -> rest(inventory_busy) }
       :: atomic { FAULT; inventory_killed() }
       fi
#ifndef NO_RELAY
    :: atomic { owed && owed_by == ENDED && MAY_BEGIN(inventory_busy) -> begin(inventory_busy); owed_by = _pid };
       if
       :: announce()
       :: atomic { FAULT; inventory_killed(); goto end }
       fi;
       if
       :: atomic { owed = false; owed_by = 0; rest(inventory_busy) }
       :: atomic { FAULT; inventory_killed() }
       fi
#endif
    od
}

/* ---- notify-worker ---- */

/* Has somebody else claimed it, who is alive? Then the end of that is waited for. */
#ifdef NO_CLAIM
#define IS_OTHERS false
#else
#define IS_OTHERS (telling == CLAIMED && claimed_by != ENDED && claimed_by != _pid)
#endif

inline notify_killed()
{
    if
    :: in_doubt -> doubts++; in_doubt = false
    :: else
    fi;
    if
    :: telling == CLAIMED && claimed_by == _pid -> claimed_by = ENDED
    :: else
    fi;
    if
    :: reserved_unacked[me] -> reserved_unacked[me] = false; reserved_ready++
    :: else
    fi;
    rest(notify_busy)
}

proctype notify_worker(byte me)
{
    bool in_doubt;

end:
    do
    :: atomic {
           reserved_ready > 0 && MAY_BEGIN(notify_busy) ->
               begin(notify_busy); reserved_ready--; reserved_unacked[me] = true
       }; /* N0 */
again:
       if
       :: atomic { telling == TOLD -> goto settle }
#ifdef NO_WAIT
       :: atomic { telling != TOLD && IS_OTHERS -> goto settle }
#endif
       :: atomic {
              telling != TOLD && !IS_OTHERS && attempts == MAX_ATTEMPTS ->
                  dead_letter = true; telling = FREE; claimed_by = 0; attempts = 0; goto settle
          }
       :: atomic {
              telling != TOLD && !IS_OTHERS && attempts < MAX_ATTEMPTS ->
                  attempts++; telling = CLAIMED; claimed_by = _pid; in_doubt = true
          } /* N1 */
       :: atomic { /* done, and nobody knows: the same once more */
              telling != TOLD && !IS_OTHERS && attempts < MAX_ATTEMPTS && faults > 0 ->
                  faults--; attempts++; telling = CLAIMED; claimed_by = _pid; goto again
          }
       :: atomic { FAULT; goto again } /* not done, and nobody knows */
       :: atomic { FAULT; notify_killed(); goto end }
       fi;
       if
       :: atomic { tellings++; assert(tellings <= 1 + doubts) } /* N2 */
       :: atomic { /* the command has failed: once more, unless the delivery is stale and comes again */
              FAULT;
              in_doubt = false;
              if
              :: claimed_by == _pid -> telling = FREE; claimed_by = 0
              :: else /* somebody else's by now */
              fi;
              if
              :: reserved_unacked[me] -> goto again
              :: else -> rest(notify_busy); goto end
              fi
          }
       :: atomic { FAULT; notify_killed(); goto end }
       fi;
       if
       :: atomic { telling = TOLD; claimed_by = 0; in_doubt = false } /* N3 */
       :: atomic { FAULT; notify_killed(); goto end }
       fi;
settle:
       if
       :: atomic { acknowledge(reserved_unacked[me], reserved_ready); rest(notify_busy) } /* N4 */
       :: atomic { FAULT; notify_killed() }
       fi
    od
}

/* ---- the world ---- */

/* A consumer's connection is lost at any time: what it has in hand is delivered again, perhaps to another. */
active proctype network()
{
end:
    do
    :: atomic { placed_unacked[0] && faults > 0 -> faults--; placed_unacked[0] = false; placed_ready++ }
    :: atomic { placed_unacked[1] && faults > 0 -> faults--; placed_unacked[1] = false; placed_ready++ }
    :: atomic { reserved_unacked[0] && faults > 0 -> faults--; reserved_unacked[0] = false; reserved_ready++ }
    :: atomic { reserved_unacked[1] && faults > 0 -> faults--; reserved_unacked[1] = false; reserved_ready++ }
    od
}

/* One that has a copy of the event publishes it once more: of either queue. */
active proctype somebody_else()
{
end:
    atomic { order != NONE -> placed_ready++ }
}

#ifdef LEASE
/* With PostgreSQL a run that was paused, or cut off, for longer than its lease is taken for dead by others, and goes on
 * afterwards. A customer may be told twice then, as after a kill. */
active proctype lease()
{
end:
    do
    :: atomic { order == PENDING && pending_by != ENDED && faults > 0 -> faults--; pending_by = ENDED }
    :: atomic { owed && owed_by != ENDED && faults > 0 -> faults--; owed_by = ENDED }
    :: atomic { telling == CLAIMED && claimed_by != ENDED && faults > 0 -> faults--; claimed_by = ENDED; doubts++ }
    od
}
#endif

/* The message is gone for good, wherever it is: what is in hand cannot be settled any more. */
active proctype purge()
{
end:
    atomic { outcome != NONE -> placed_ready = 0; placed_unacked[0] = false; placed_unacked[1] = false }
}

active proctype books()
{
end:
    timeout -> assert(!receipt || order != NONE);
    assert(!receipt || (outcome == RESERVED && (tellings > 0 || dead_letter)) ||
                      (outcome == FAILED && published_failed))
}

init
{
    atomic {
        run inventory_worker(0);
        run inventory_worker(1);
        run notify_worker(0);
        run notify_worker(1)
    }
}
