#!/usr/bin/python3
"""The programs' jobs as a Python service with aio-pika usually does them: for comparison.

service.py place EXCHANGE KEY < orders       parses each order, publishes its event, waits for the confirm
service.py http PORT FILE EXCHANGE KEY       the same with each POST, until SIGTERM; stores the order in FILE first
service.py relay QUEUE EXCHANGE KEY COUNT    parses each event, reserves, publishes the outcome, acknowledges
service.py consume QUEUE COUNT               parses each event, prints it, acknowledges

One after the other, with a prefetch of 5 and of 10, and orders in memory alone; by HTTP as many at once as ask, and
orders in SQLite.
"""

import asyncio
import json
import os
import sqlite3
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


async def place(connection, exchange_name, key):
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.get_exchange(exchange_name)
    for line in sys.stdin:
        event = event_of({"order_id": str(uuid.uuid4()), **json.loads(line)}, "OrderPlaced")
        await exchange.publish(message(event), routing_key=key, mandatory=True)
        print(json.dumps({"order_id": event["order_id"], "status": "PLACED"}))


def open_store(path):
    store = sqlite3.connect(path)
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute("CREATE TABLE IF NOT EXISTS orders (order_id TEXT PRIMARY KEY, status TEXT, data TEXT)")
    return store


async def http(connection, port, path, exchange_name, key):
    """Each order is committed before its event; that it was confirmed goes along with the commit of a later one."""
    # Here: they would cost the other jobs half a second.
    import fastapi
    import pydantic
    import uvicorn

    class Item(pydantic.BaseModel, extra="allow"):
        sku: pydantic.constr(min_length=1, max_length=256)
        qty: pydantic.conint(ge=1, le=1_000_000)

    class Order(pydantic.BaseModel, extra="allow"):
        user_id: pydantic.constr(min_length=1, max_length=256)
        restaurant_id: pydantic.constr(min_length=1, max_length=256)
        items: list[Item]

    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.get_exchange(exchange_name)
    store = open_store(path)
    service = fastapi.FastAPI()

    @service.post("/order", status_code=202)
    async def place_order(order: Order):
        event = event_of({"order_id": str(uuid.uuid4()), **order.dict()}, "OrderPlaced")
        order_id = event["order_id"]
        store.execute("INSERT INTO orders VALUES (?, 'PENDING', ?)", (order_id, json.dumps(event)))
        store.commit()
        await exchange.publish(message(event), routing_key=key, mandatory=True)
        store.execute("UPDATE orders SET status = 'PLACED' WHERE order_id = ?", (order_id,))
        return {"order_id": order_id, "status": "PLACED"}

    await uvicorn.Server(uvicorn.Config(service, port=int(port), log_level="error", access_log=False)).serve()
    store.commit()
    store.close()


async def take(connection, queue_name, prefetch, count, handle):
    """Has handle take count events of a queue, and acknowledges each."""
    channel = await connection.channel()
    await channel.set_qos(prefetch_count=prefetch)
    queue = await channel.get_queue(queue_name)
    left = int(count)
    async with queue.iterator() as deliveries:
        async for delivery in deliveries:
            async with delivery.process():
                await handle(json.loads(delivery.body))
            left -= 1
            if left == 0:
                break


async def relay(connection, queue_name, exchange_name, key, count):
    channel = await connection.channel(publisher_confirms=True)
    exchange = await channel.get_exchange(exchange_name)

    async def reserve(event):
        if event["order_id"] in handled:
            return
        handled.add(event["order_id"])
        reserved = all(item["qty"] <= 5 for item in event["items"])
        outcome = event_of(event, "InventoryReserved" if reserved else "InventoryFailed")
        await exchange.publish(message(outcome), routing_key=key, mandatory=True)

    await take(connection, queue_name, 5, count, reserve)


async def consume(connection, queue_name, count):
    async def notify(event):
        if event["order_id"] not in handled:
            handled.add(event["order_id"])
            print(json.dumps(event))

    await take(connection, queue_name, 10, count, notify)


async def main(job, *arguments):
    connection = await aio_pika.connect(os.environ["AMQP_URL"])
    async with connection:
        await {"place": place, "http": http, "relay": relay, "consume": consume}[job](connection, *arguments)


asyncio.run(main(*sys.argv[1:]))
