"""faults.py: doing what the schedule says, each in a thread of its own."""
import multiprocessing
import os
import threading
import time
import traceback

from hosts import cut, mend

CORES_TIMES = 4


def burn(stop_at):
    while time.monotonic() < stop_at:
        for _ in range(100000):
            pass


class Faults:
    def __init__(self, world):
        self.world, self.record = world, world.record
        self.threads, self.trouble = [], []
        self.over = threading.Event()  # the storm: what lasts ends now
        self.counts = {}

    def wait(self, seconds):
        self.over.wait(max(0.0, seconds))

    def storm(self, plan, seconds, each=lambda: None):
        """The faults at their moments; back when all have ended."""
        began = time.monotonic()
        self.over.clear()
        for fault in plan:
            while time.monotonic() < began + fault.at:
                each()
                time.sleep(min(0.05, max(0, began + fault.at -
                                         time.monotonic())))
            print("# " + fault.line(), flush=True)
            t = threading.Thread(target=self.perform, args=(fault,),
                                 daemon=True, name=fault.what)
            t.start()
            self.threads.append(t)
        while time.monotonic() < began + seconds:
            each()
            time.sleep(0.05)
        for t in self.threads:
            t.join(120)
            if t.is_alive():
                self.trouble.append("%s does not end" % t.name)
        self.threads = []
        self.over.set()
        if self.trouble:
            raise AssertionError("the run itself failed:\n" +
                                 "\n".join(self.trouble))

    def perform(self, fault):
        t0 = self.record.now()
        node = self.world.nodes.get(fault.who)
        try:
            if node is not None:
                with node.lock:
                    if node.daemon is None:
                        return
                    more = getattr(self, "_" + fault.what)(node, fault)
            else:
                more = getattr(self, "_" + fault.what)(fault)
        except Exception:  # noqa: BLE001: told by the run
            self.trouble.append(traceback.format_exc())
            return
        if more is False:
            return
        self.counts[fault.what] = self.counts.get(fault.what, 0) + 1
        self.record.write("fault", what=fault.what, who=fault.who, t0=t0,
                          t1=self.record.now(), **dict(fault.more,
                                                       **(more or {})))

    # -- to one node -----------------------------------------------------
    def _kill(self, node, fault):
        node.kill()
        if fault.more["state"] == "kept":
            node.keep_older()
        # Nobody looks into the small directory while it is full.
        how = node.change_state(fault.more["state"])
        self.wait(fault.seconds)
        node.start(how)
        return {"state": how}

    def _end(self, node, fault):
        node.end()
        self.wait(fault.seconds)
        node.start()

    def _stop(self, node, fault):
        t0 = self.record.now()
        node.daemon.stop()
        sure0 = self.record.now()
        try:
            self.wait(fault.seconds)
        finally:
            # It may be heard before this thread has its turn again.
            sure1 = self.record.now()
            node.daemon.go_on()
        return {"stopped": self.record.now() - t0, "sure0": sure0,
                "sure1": sure1}

    def _twin(self, node, fault):
        self.world.twin(node, fault.seconds, self.wait)

    def _squeeze(self, node, fault):
        self.world.squeeze(node, fault.more["spare"], fault.seconds,
                           self.wait)

    def _full(self, node, fault):
        if not self.world.small_is_small:
            return False
        self.world.fill_small(fault.seconds, self.wait)

    def _readonly(self, node, fault):
        """Killed, and started while its state cannot be written: it says
        so and ends; then it can be."""
        if not self.world.small_is_small:
            return False
        node.kill()
        self.world.small_read_only(True)
        try:
            node.start(refused=True)
            self.wait(fault.seconds)
        finally:
            self.world.small_read_only(False)
        node.start()

    # -- to the machine --------------------------------------------------
    def _burn(self, fault):
        """Four times as much to do as there are processors."""
        stop_at = time.monotonic() + fault.seconds
        many = [multiprocessing.get_context("fork").Process(
            target=burn, args=(stop_at,), daemon=True)
            for _ in range(CORES_TIMES * (os.cpu_count() or 2))]
        for p in many:
            p.start()
        self.wait(fault.seconds)
        for p in many:
            p.join(60)

    # -- to the network --------------------------------------------------
    def _surely(self, fault, mend):
        """It is cut by now; until when that is certain is to be recorded."""
        sure0 = self.record.now()
        self.wait(fault.seconds)
        sure1 = self.record.now()
        mend()
        return {"sure0": sure0, "sure1": sure1}

    def _cut(self, fault):
        a, b = self.world.hosts
        cut(a, b)
        return self._surely(fault, lambda: mend(a, b))

    def _oneway(self, fault):
        a, b = self.world.hosts
        if fault.more["way"] == "back":
            a, b = b, a
        a.cut_to(b)
        self.wait(fault.seconds)
        a.mend_to(b)

    def _unplug(self, fault):
        host = self.world.hosts[fault.more["way"] == "back"]
        host.unplug()
        return self._surely(fault, host.plug_in)

    # -- to the line between the hosts -----------------------------------
    def _ways(self, fault):
        return [getattr(r, fault.more["way"]) for r in self.world.relays]

    def _delay(self, fault):
        for way in self._ways(fault):
            way.delay = 0.3
        self.wait(fault.seconds)
        for way in self._ways(fault):
            way.delay = 0.0

    def _rate(self, fault):
        for way in self._ways(fault):
            way.rate = 200000
        self.wait(fault.seconds)
        for way in self._ways(fault):
            way.rate = None

    def _stall(self, fault):
        for way in self._ways(fault):
            way.stopped = True
        self.wait(fault.seconds)
        for way in self._ways(fault):
            way.stopped = False

    def _half(self, fault):
        for relay in self.world.relays:
            for line in relay.alive():
                getattr(line, fault.more["way"]).close()

    def _reset(self, fault):
        for relay in self.world.relays:
            for line in relay.alive():
                line.reset()


