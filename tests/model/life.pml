/*
 * The crash tables of order-cancel, and of inventory-worker where orders end, as a model, for Spin: one order of one unit,
 * its cancellation, and somebody who hands it over, on one ledger. See order-tools(7), CRASHES. orders.pml has the rest.
 *
 * FAULTS of them, in any mixture and at every step: a program is killed and starts again; a connection is lost before or
 * after the broker has handled what it was sent; the power fails, at order-cancel's disk; a commit is in doubt; the broker
 * is away. Besides that, OrderPlaced and OrderCancelled come in any order, and each is published once more by somebody else.
 *
 * What must hold, checked where it could break and, once nothing can move any more, by books():
 *   - put in = on hand + reserved + handed over, at every moment;
 *   - the order ends once: it is released or handed over;
 *   - an order whose cancellation has a receipt holds nothing in the end, unless it was handed over, whatever came first;
 *   - every event goes out, and order-track, which gets them in any order, knows how the order ended.
 *
 * "make model" searches it with two faults. With three ("check --faults 3 life") it has nine million states, and all holds.
 *
 * To see that the model can fail: -DNO_TOMBSTONE (a cancellation that comes before its order is not recorded), -DNO_ONCE (it
 * is given back without looking whether the order has ended), -DORPHANED (what is owed by the dead is sent by nobody),
 * -DNO_RANK (the last event that came wins), -DNO_FLUSH (nobody publishes a cancellation that was left pending).
 */

#ifndef FAULTS
#define FAULTS 3
#endif
#define TAKERS 2
#define ENDED 255 /* in place of the number of a run that is alive */

byte faults = FAULTS;

/* ---- on disk ---- */

mtype = { HANDED_OVER, RELEASED, FAILED, RESERVED, NONE, PENDING, SENT, CANCELLED };

mtype cancellation = NONE; /* order-cancel's: NONE, PENDING or SENT */
byte pending_by;

mtype outcome = NONE; /* the ledger: NONE, RESERVED or FAILED */
mtype ending = NONE;  /* NONE, RELEASED, HANDED_OVER, or CANCELLED: before it came */
bool outcome_owed;    /* are the events of both to be published? */
byte outcome_by;
bool ending_owed;
byte ending_by;
byte on_hand = 1;
byte reserved;
byte handed_over;

/* ---- on the broker, and who has heard of it ---- */

byte placed_ready;
bool placed_unacked;
byte cancelled_ready;
bool cancelled_unacked[TAKERS];
bool receipt;
byte known; /* order-track's store: how far the order has come in its life, by RANK */
bool was_told_outcome; /* that order-track was told at least once */
bool was_told_ending;

#define RANK(state) (state == RESERVED -> 1 : (state == FAILED -> 2 : (state == RELEASED -> 3 : 4)))
#define BALANCED (on_hand + reserved + handed_over == 1)

/* Within an atomic: something goes wrong, if it still may. */
#define FAULT faults > 0 -> faults--

/* Within an atomic: order-track hears of it. */
inline told(state)
{
#ifdef NO_RANK
    known = RANK(state)
#else
    known = (known > RANK(state) -> known : RANK(state))
#endif
}

inline publish(queue)
{
    do
    :: atomic { queue++; break }
    :: atomic { FAULT; queue++ }
    :: atomic { FAULT }
    od
}

/* ---- order-cancel: canceller has the order on its standard input, the other is a later run, or --flush ---- */

inline cancel_killed()
{
    if
    :: cancellation == PENDING && pending_by == _pid -> pending_by = ENDED
    :: else
    fi
}

active proctype canceller()
{
again:
    if
    :: atomic { cancellation == NONE -> cancellation = PENDING; pending_by = _pid } /* C1 */
    :: atomic { cancellation == PENDING } /* cancelled again, and published again, whoever has stored it */
    :: atomic { cancellation == SENT -> goto tell }
    :: atomic { FAULT; goto over } /* killed in C0 */
    fi;
    if
    :: publish(cancelled_ready) /* C2 */
    :: atomic { FAULT; cancel_killed(); goto over }
    :: atomic { FAULT; goto tell } /* the broker stays away: the receipt says PENDING */
    fi;
    if
    :: atomic { cancellation = SENT; pending_by = 0 } /* C3 */
    :: atomic { FAULT; cancel_killed(); goto over }
    fi;
tell:
    if
    :: atomic { assert(cancellation != NONE); receipt = true }
    :: atomic { FAULT; cancel_killed(); goto over }
    :: atomic { /* the power fails: C3 is not synced */
           FAULT;
           if
           :: cancellation == SENT -> cancellation = PENDING; pending_by = ENDED
           :: else -> cancel_killed()
           fi;
           goto over
       }
    fi;
    atomic { cancel_killed() };
over:
    if
    :: atomic { !receipt && faults > 0 -> goto again }
    :: skip
    fi
}

active proctype flusher()
{
#ifndef NO_FLUSH
end:
    do
    :: atomic { cancellation == PENDING && pending_by == ENDED -> pending_by = _pid };
       publish(cancelled_ready);
       if
       :: atomic { cancellation = SENT; pending_by = 0 }
       :: atomic { FAULT; cancel_killed() }
       fi
    od
#else
    skip
#endif
}

/* ---- the events that are owed: by whoever has recorded them, or by another once that run has ended ---- */

inline send_outcome()
{
    do
    :: atomic { told(outcome); was_told_outcome = true; break }
    :: atomic { FAULT; told(outcome) }
    :: atomic { FAULT }
    od
}

inline send_ending()
{
    do
    :: atomic { told(ending); was_told_ending = true; break }
    :: atomic { FAULT; told(ending) }
    :: atomic { FAULT }
    od
}

inline owner_killed()
{
    if
    :: outcome_owed && outcome_by == _pid -> outcome_by = ENDED
    :: else
    fi;
    if
    :: ending_owed && ending_by == _pid -> ending_by = ENDED
    :: else
    fi
}

active proctype relay()
{
#ifndef ORPHANED
end:
    do
    :: atomic { outcome_owed && outcome_by == ENDED -> outcome_by = _pid };
       send_outcome();
       if
       :: atomic { outcome_owed = false; outcome_by = 0 }
       :: atomic { FAULT; owner_killed() }
       fi
    :: atomic { ending_owed && ending_by == ENDED -> ending_by = _pid };
       send_ending();
       if
       :: atomic { ending_owed = false; ending_by = 0 }
       :: atomic { FAULT; owner_killed() }
       fi
    od
#else
    skip
#endif
}

/* ---- inventory-worker ---- */

/* The one transaction of I1. */
inline decide()
{
    if
    :: outcome != NONE -> mine = (outcome_owed && (outcome_by == ENDED || outcome_by == _pid))
    :: outcome == NONE ->
        if
        :: ending == NONE -> outcome = RESERVED; on_hand--; reserved++
        :: true -> outcome = FAILED /* cancelled before it came, or for a reason of its own */
        fi;
        outcome_owed = true;
        mine = true
    fi;
    if
    :: mine -> outcome_by = _pid
    :: else
    fi;
    assert(BALANCED)
}

inline worker_killed()
{
    owner_killed();
    mine = false;
    if
    :: placed_unacked -> placed_unacked = false; placed_ready++
    :: else
    fi
}

active proctype inventory_worker()
{
    bool mine;

end:
    do
    :: atomic { placed_ready > 0 -> placed_ready--; placed_unacked = true }; /* I0 */
       if
       :: atomic { decide() }                                      /* I1 */
       :: atomic { FAULT; decide(); mine = false; decide() }       /* done, and nobody knows: the same once more */
       :: atomic { FAULT; worker_killed(); goto end }
       fi;
       if
       :: atomic { !mine }
       :: mine -> send_outcome()                                   /* I2 */
       :: atomic { FAULT; worker_killed(); goto end }
       fi;
       if
       :: atomic { placed_unacked = false }                        /* I3 */
       :: atomic { FAULT; worker_killed(); goto end }
       fi;
       if
       :: atomic { mine -> outcome_owed = false; outcome_by = 0; mine = false }
       :: atomic { !mine }
       :: atomic { FAULT; worker_killed() }
       fi
    od
}

/* ---- inventory-worker --cancelled: the same program on the other queue ---- */

/* What of the order is RESERVED, and has not ended, is given back. */
#ifdef NO_ONCE
#define HOLDS (outcome == RESERVED)
#else
#define HOLDS (outcome == RESERVED && ending == NONE)
#endif

inline give_back()
{
    mine = false;
    if
    :: HOLDS -> ending = RELEASED; on_hand++; reserved--; ending_owed = true; mine = true
#ifndef NO_TOMBSTONE
    :: outcome == NONE && ending == NONE -> ending = CANCELLED
#endif
    :: else -> mine = (ending_owed && ending == RELEASED && (ending_by == ENDED || ending_by == _pid))
    fi;
    if
    :: mine -> ending_by = _pid
    :: else
    fi;
    assert(BALANCED)
}

inline taker_killed()
{
    owner_killed();
    mine = false;
    if
    :: cancelled_unacked[me] -> cancelled_unacked[me] = false; cancelled_ready++
    :: else
    fi
}

proctype taker(byte me)
{
    bool mine;

end:
    do
    :: atomic { cancelled_ready > 0 -> cancelled_ready--; cancelled_unacked[me] = true };
       if
       :: atomic { give_back() }
       :: atomic { FAULT; give_back(); give_back() }
       :: atomic { FAULT; taker_killed(); goto end }
       fi;
       if
       :: atomic { !mine }
       :: mine -> send_ending()
       :: atomic { FAULT; taker_killed(); goto end }
       fi;
       if
       :: atomic { cancelled_unacked[me] = false }
       :: atomic { FAULT; taker_killed(); goto end }
       fi;
       if
       :: atomic { mine -> ending_owed = false; ending_by = 0; mine = false }
       :: atomic { !mine }
       :: atomic { FAULT; taker_killed() }
       fi
    od
}

/* ---- the world ---- */

/* inventory-stock --hand-over, at any time or never: its event is owed, and a worker sends it. */
active proctype hander()
{
end:
    if
    :: atomic {
           outcome == RESERVED && ending == NONE ->
               ending = HANDED_OVER; reserved--; handed_over++; ending_owed = true; ending_by = ENDED; assert(BALANCED)
       }
    :: skip
    fi
}

/* The order's message comes at any time, and each message once more. */
active proctype broker()
{
    placed_ready++;
    if
    :: atomic { FAULT; placed_ready++ }
    :: atomic { cancellation != NONE && faults > 0 -> faults--; cancelled_ready++ }
    :: skip
    fi
}

active proctype books()
{
end:
    timeout -> assert(BALANCED);
    assert(!receipt || reserved == 0);
    assert(outcome == NONE || was_told_outcome);
    assert(!(ending == RELEASED || ending == HANDED_OVER) || was_told_ending);
    assert(ending == RELEASED || ending == HANDED_OVER -> known == RANK(ending) : (outcome == NONE || known == RANK(outcome)))
}

init
{
    atomic {
        run taker(0);
        run taker(1)
    }
}
