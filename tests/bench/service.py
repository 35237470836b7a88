#!/usr/bin/python3
"""The programs' three jobs as a Python service with aio-pika usually does them: for comparison.

service.py place EXCHANGE KEY AT_ONCE < orders    parses each order, publishes its event, waits for the confirm
service.py relay QUEUE EXCHANGE KEY PREFETCH COUNT  parses each event, reserves, publishes the outcome, acknowledges
service.py consume QUEUE PREFETCH COUNT           parses each event, prints it, acknowledges

Orders are kept in memory alone.
"""

import asyncio
import json
import os
import sys
import uuid
from datetime import datetime, timezone

import aio_pika

handled = set()


def message(event):
    return aio_pika.Message(
        json.dumps(event).encode(),
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        correlation_id=event["order_id"],
        message_id=str(uuid.uuid5(uuid.NAMESPACE_OID, event["order_id"] + event["event_type"])),
        timestamp=datetime.now(timezone.utc),
        type=event["event_type"],
        app_id="service",
    )


def event_of(order, event_type):
    return {**order, "event_type": event_type, "ts": datetime.now(timezone.utc).isoformat()}


async def place(connection, exchange_name, key, at_once):
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.get_exchange(exchange_name)
    room = asyncio.Semaphore(int(at_once))

    async def place_one(line):
        try:
            event = event_of({"order_id": str(uuid.uuid4()), **json.loads(line)}, "OrderPlaced")
            await exchange.publish(message(event), routing_key=key, mandatory=True)
            print(json.dumps({"order_id": event["order_id"], "status": "PLACED"}))
        finally:
            room.release()

    tasks = []
    for line in sys.stdin:
        await room.acquire()
        tasks.append(asyncio.create_task(place_one(line)))
    await asyncio.gather(*tasks)


async def take(connection, queue_name, prefetch, count, handle):
    """Has handle take the events of a queue, as many at once as the prefetch allows, until count are acknowledged."""
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=int(prefetch))
    queue = await channel.get_queue(queue_name)
    done = asyncio.get_running_loop().create_future()
    left = int(count)

    async def take_one(delivery):
        nonlocal left
        async with delivery.process():
            await handle(json.loads(delivery.body))
        left -= 1
        if left == 0:
            done.set_result(None)

    await queue.consume(take_one)
    await done


async def relay(connection, queue_name, exchange_name, key, prefetch, count):
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.get_exchange(exchange_name)

    async def reserve(event):
        if event["order_id"] in handled:
            return
        handled.add(event["order_id"])
        reserved = all(item["qty"] <= 5 for item in event["items"])
        outcome = event_of(event, "InventoryReserved" if reserved else "InventoryFailed")
        await exchange.publish(message(outcome), routing_key=key, mandatory=True)

    await take(connection, queue_name, prefetch, count, reserve)


async def consume(connection, queue_name, prefetch, count):
    async def notify(event):
        if event["order_id"] not in handled:
            handled.add(event["order_id"])
            print(json.dumps(event))

    await take(connection, queue_name, prefetch, count, notify)


async def main(job, *arguments):
    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    async with connection:
        await {"place": place, "relay": relay, "consume": consume}[job](connection, *arguments)


asyncio.run(main(*sys.argv[1:]))
